"""Measures mmsflow beside its ceilings: the same work done by the least code that can do it, in the same run."""
