"""What tools/get-model is made of."""
