"""The one place that speaks HTTP to API servers: clients, kubeconfigs, list and watch."""
