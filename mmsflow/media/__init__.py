"""What a message carries besides text: files judged by content, pictures made to fit, codes drawn."""
