"""The contract of exai, generated."""
