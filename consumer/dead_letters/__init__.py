"""Dead letters: lists, shows and requeues them."""
