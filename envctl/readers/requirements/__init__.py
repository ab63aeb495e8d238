"""Requirements files as pip reads them."""
