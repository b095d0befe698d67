"""Many scenarios of one model at a time: those that share a matrix are marched side by side, see `vectors`."""
