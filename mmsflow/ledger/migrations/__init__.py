"""The ledger's schema, step by step. A step that was released is never changed, only followed by another."""
