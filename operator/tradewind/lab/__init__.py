"""Real control planes on one machine: a hub and its members, with nodes that KWOK simulates."""
