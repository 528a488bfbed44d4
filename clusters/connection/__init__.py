"""The Ray that a sweep uses: which cluster it joins, or one of its own, closed to other users."""
