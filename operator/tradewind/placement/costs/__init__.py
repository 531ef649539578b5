"""Terms of the total cost, one file each; `placement.registry` lists them."""
