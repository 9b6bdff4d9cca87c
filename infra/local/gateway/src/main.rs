//! The gateway alone, in front of functions that are deployed to an emulator of AWS: `gateway ENDPOINT REGION STACK` listens on
//! loopback, prints where, and ends with its standard input.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use gateway::{Function, Gateway, InvokeError};
use reqwest::Client;
use tokio::net::TcpListener;

/// A function behind the Invoke API of Lambda.
///
/// Source: AWS Lambda API reference, "Invoke".
struct Deployed {
    http: Client,
    url: String,
    /// Names the region. Emulators check no signature.
    authorization: String,
}

#[async_trait]
impl Function for Deployed {
    async fn invoke(&self, event: String) -> Result<Vec<u8>, InvokeError> {
        let failed = |error: reqwest::Error| InvokeError::Failed(error.to_string());
        let request = self.http.post(&self.url).header("authorization", &self.authorization).body(event);
        let answer = request.send().await.map_err(failed)?;
        let is_good = answer.status().is_success() && !answer.headers().contains_key("x-amz-function-error");
        let payload = answer.bytes().await.map_err(failed)?.to_vec();
        if is_good { Ok(payload) } else { Err(InvokeError::Failed(String::from_utf8_lossy(&payload).into_owned())) }
    }
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, region, stack] = arguments.as_slice() else {
        return Err(io::Error::other("expected the endpoint of the emulator, a region, and the name of the stack"));
    };
    let http = shared::http::client(b"").map_err(io::Error::other)?;
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{region}/lambda/aws4_request, SignedHeaders=host, Signature=none"
    );
    let functions = ["oauth", "status", "console"].map(|name| {
        let url = format!("{endpoint}/2015-03-31/functions/{stack}-{name}/invocations");
        let function: Arc<dyn Function> =
            Arc::new(Deployed { http: http.clone(), url, authorization: authorization.clone() });
        (name, function)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "http://{}", listener.local_addr()?)?;
    let service = Gateway::new(functions).into_router().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
