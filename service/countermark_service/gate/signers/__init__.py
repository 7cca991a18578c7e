"""Who signed a commit: SSH keys, gitsign certificates, platforms' OpenPGP keys, as the policy at the tip names them."""
