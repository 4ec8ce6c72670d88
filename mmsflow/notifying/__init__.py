"""Telling people: signed webhooks and e-mail, from an outbox that survives a crash."""
