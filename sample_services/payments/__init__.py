"""The payments service: charges each order once, through a provider that is not always well."""
