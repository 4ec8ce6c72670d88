"""From recipient lists to recipients: every row ends as one, or is set aside with its reason."""
