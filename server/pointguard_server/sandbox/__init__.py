"""The sandbox: a made-up tenant to try pointguard with. Its configuration, stores and members, and what reads them."""
