"""The stream as operations sees it: Prometheus, the dashboards drawn, a soak."""
