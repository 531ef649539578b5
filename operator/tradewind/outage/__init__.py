"""Outage: evidence becomes a verdict, verdicts and placements become moves under budgets. Pure."""
