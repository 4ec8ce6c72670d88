"""From recipients to messages: subjects, texts and attachments, rendered and sized for each row."""
