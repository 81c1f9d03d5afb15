"""The output of `report`: Markdown for the document of an incident."""
