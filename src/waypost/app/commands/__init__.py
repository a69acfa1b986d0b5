"""What the commands are called and what they take, by the people they are for; what they do stands beside this folder.

Each file has its `commands`, which `cli` joins. They import what they need when they run: `waypost check` need not wait
for a database to be imported.
"""
