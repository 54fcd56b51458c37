import polybus

Hello = polybus.load_schema("examples/hello/hello.capnp").Hello  # parsed now: no compiler, no generated code

with polybus.Node("quickstart") as node:
    hello = node.publisher("hello", Hello, history=1)  # who comes later still gets the last one
    hello.publish(name="Python", count=1)

    # Any language may have sent it; the schema comes with the topic.
    for sample in node.subscriber("hello", timeout=0.5):
        print(sample.msg.name, sample.msg.count, sample.msg.to_dict())
