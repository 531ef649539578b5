"""Pure decisions: what every workload needs next, from one snapshot."""
