"""Policies for tests that run at any hour of any day of the year."""

ALWAYS = """
name = "{name}"
country = "FR"
public_holidays = false
caps = {{ day = 500, first_week_day = 500 }}
windows = [ {{ days = "mon-sun", from = "00:00", until = "24:00" }} ]
min_age_days = 0
{keys}
"""


def step(name: str, days: int, *, stage: str = "", channel: str = "email", more: str = "") -> str:
    """One step after the due date; `more` are further lines of it."""
    return f"""
[[step]]
name = "{name}"
stage = "{stage or name}"
when = "after due"
days = {days}
channel = "{channel}"
{more}
"""


def policy(name: str, *steps: str, keys: str = "") -> str:
    """A policy that is open day and night; by default its one step is a friendly mail at 3 days."""
    return ALWAYS.format(name=name, keys=keys) + "".join(steps or (step("friendly", 3),))
