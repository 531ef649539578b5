"""From the resources to the core's data: the only place where strings become figures.

All functions take objects as an API server or a file gave them, ignore fields that they don't know, and raise
InputError with the path of the field that can't be used.
"""

from tradewind.api.from_cluster import cluster_from, kubeconfig_ref
from tradewind.api.from_dataset import dataset_from
from tradewind.api.from_policy import accelerator_table, cluster_policy_from, detection_for, policy_layer_from
from tradewind.api.from_workload import workload_from
from tradewind.api.network_tables import network_from, network_map_from

__all__ = [
    "accelerator_table",
    "cluster_from",
    "cluster_policy_from",
    "dataset_from",
    "detection_for",
    "kubeconfig_ref",
    "network_from",
    "network_map_from",
    "policy_layer_from",
    "workload_from",
]
