//! Lists of `plugin!` that are no lists of handlers.

mod nothing {
    fusebox_sdk::plugin! {}
}

mod empty {
    fusebox_sdk::plugin! { tools: [] }
}

mod unknown {
    fusebox_sdk::plugin! { tool: [add] }
}

mod bare {
    fusebox_sdk::plugin! { tools: add }
}

mod late {
    fusebox_sdk::plugin! { tools: [add], asks: "[keyvalue]" }
}

mod no_time {
    fusebox_sdk::plugin! { lists: cache(shared), tools: [add] }
}

fn main() {}
