"""Carrying a run out: sending with durable intents, settling what a crash left, following delivery reports."""
