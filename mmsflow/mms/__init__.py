"""What an MMS is: numbers, parts, sizes, and the states that a message goes through."""
