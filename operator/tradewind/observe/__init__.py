"""I/O in: kopf handlers on the hub, informers and probes of the members. Fills the state, decides nothing."""
