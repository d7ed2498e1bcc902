"""The pages people watch: Streamlit over the marts, with the rights of `reader`."""
