"""The Ray that a sweep uses: the cluster that it joins, or one of its own that is closed to other users."""
