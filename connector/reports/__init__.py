"""Documents for people: what the firm does and why, in words and figures."""
