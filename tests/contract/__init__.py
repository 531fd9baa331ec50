"""What the API promises: its schema, what is kept of it, and a fuzzer that holds it to both."""
