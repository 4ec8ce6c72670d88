"""The campaign file: its model, how it is read with positions, and its templates' sandbox."""
