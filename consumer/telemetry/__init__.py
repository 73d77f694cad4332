"""What a service reports about itself: metrics over HTTP, health, histograms, lag."""
