import asyncio
import websockets
import json

async def test_websocket():
    uri = "ws://localhost:8080/ws"
    async with websockets.connect(uri) as ws:
        # Authenticate
        await ws.send(json.dumps({
            "type": "auth",
            "token": "your_jwt_token"
        }))

        # Send request
        await ws.send(json.dumps({
            "type": "request",
            "model": "gpt-4",
            "messages": [{"role": "user", "content": "Hello!"}]
        }))

        # Receive response
        async for message in ws:
            data = json.loads(message)
            if data["type"] == "response":
                print(data["content"])
                break

asyncio.run(test_websocket())
