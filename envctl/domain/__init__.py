"""The nouns: frozen records and pure functions over them. Nothing here touches the outside world."""
