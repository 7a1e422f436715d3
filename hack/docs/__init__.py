"""What of the documentation is made from the code: the API reference, the flags, pictures of a terminal."""
