"""The operator's gateway: OAuth, sending, delivery status, quota; the operator's words stop here."""
