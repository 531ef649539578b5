"""The core's data: workloads, fleet, network, policy, plan. Plain numbers, no I/O, nothing of ours but itself."""
