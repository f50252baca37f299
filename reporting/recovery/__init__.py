"""Backs the store up while it is at work, restores it, and teaches it what happened after the backup."""
