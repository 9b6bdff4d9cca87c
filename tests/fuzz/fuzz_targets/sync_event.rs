#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(sync::SyncEvent::Requests(requests)) = serde_json::from_slice(data) {
        for message in requests.records {
            let _ = sync::read_message(message.body.as_deref().unwrap_or_default());
        }
    }
});
