"""Campaigns that run by themselves: files watched, times kept, runs carried out, people told."""
