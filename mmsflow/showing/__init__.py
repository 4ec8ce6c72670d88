"""What handsets would show: which messages to look at, and the page that shows them. Nothing here sends."""
