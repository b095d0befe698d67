"""The flow simulator: arrays in, arrays out."""
