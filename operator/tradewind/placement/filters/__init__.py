"""Hard limits, one file each; `placement.registry` lists them in order."""
