"""The only composer: command line, gate, stores."""
