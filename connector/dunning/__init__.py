"""The decision: policies, the facts it reads, the rules, and the plan. Pure."""
