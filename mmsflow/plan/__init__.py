"""From messages to waves: against the gateway's quota, the calendar and the campaign's rate."""
