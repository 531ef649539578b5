"""What keeps the operator going: the loop, the lease, the endpoints."""
