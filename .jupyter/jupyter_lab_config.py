"""Open the tour first."""
c = get_config()  # noqa: F821
c.LabApp.default_url = "/lab/tree/01_tour.ipynb"
