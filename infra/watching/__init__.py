"""
What is watched, and what is done about it: two tables and a picture.

    signals     events of the service's log → metrics
    alarms      metrics → alarms, each with what to do
    dashboard   both at a glance
    watch       the component that makes them
"""
