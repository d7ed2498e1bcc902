"""The pages people watch: run them with `streamlit run dashboard/streamlit_app.py`."""

import streamlit as st

from dashboard.live import PAGES

st.set_page_config(page_title="Election results", page_icon=":material/how_to_vote:", layout="wide")
# Not in a folder called `pages`: Streamlit links what is there by itself until the script runs, without the election.
st.navigation(
    [
        st.Page(f"views/{name}.py", title=page.title, icon=page.icon, default=name == "results")
        for name, page in PAGES.items()
    ],
    # The links are drawn by the pages themselves: only so do they keep the chosen election.
    position="hidden",
).run()
